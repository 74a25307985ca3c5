"""Two documents to sign: an application in XML with Japanese names, and a one-page PDF."""

from __future__ import annotations

XML = "<?xml version='1.0' encoding='UTF-8'?>\n<申請書><件名>動作確認</件名></申請書>\n".encode()


def _pdf() -> bytes:
    """A PDF 1.4 of one empty page (ISO 32000-1, 7.5)."""
    bodies = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
    )
    data = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 4\n0000000000 65535 f \n"
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start


PDF = _pdf()
