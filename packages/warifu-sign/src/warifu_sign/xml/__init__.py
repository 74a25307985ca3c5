"""XML signatures (W3C XMLDSig, ETSI EN 319 132 XAdES) on lxml and cryptography."""
