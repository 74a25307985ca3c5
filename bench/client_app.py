"""The program that is frozen for the measured pairs: it proves that its libraries work.

The measured edition is the constant below; the pair's builder writes another one there.
"""

import sys

EDITION = "1.10"


def selfcheck() -> str:
    """Start the window system without a screen, sign a document, verify it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from PySide6 import QtCore, QtNetwork, QtWidgets

    app = QtWidgets.QApplication(["check", "-platform", "offscreen"])
    label = QtWidgets.QLabel(f"edition {EDITION}")
    key = Ed25519PrivateKey.generate()
    document = b"an application"
    key.public_key().verify(key.sign(document), document)
    address = QtNetwork.QHostAddress("127.0.0.1")
    told = f"{label.text()} {QtCore.qVersion()} {address.toString()}"
    app.quit()
    return told


if __name__ == "__main__":
    print(selfcheck() if "--selfcheck" in sys.argv else EDITION)
