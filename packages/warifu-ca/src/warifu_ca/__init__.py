"""Certificate authority: issuance, download window, CRL, OCSP, time stamps, issuance export."""
