"""The member's pages: machines, certificates, notices."""
