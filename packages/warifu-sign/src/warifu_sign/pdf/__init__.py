"""PDF signatures: the Ministry's form (adbe.pkcs7.detached) and PAdES, on pyHanko."""
