"""The e-application tool (電子申請ツール) and the certificate download tool."""

__version__ = "1.10"
