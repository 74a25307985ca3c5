-- One authority. The constraints are the last word: whatever the code above them believes, a letter yields one certificate,
-- a key is certified once, a certificate is renewed once, and the past is only ever added to.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  facts TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TABLE letter (
  reference TEXT PRIMARY KEY CHECK (length(reference) = 16),
  member TEXT NOT NULL,
  name TEXT NOT NULL,
  roman TEXT NOT NULL,
  profile TEXT NOT NULL,
  verifier BLOB NOT NULL CHECK (length(verifier) = 32),
  sent_at TEXT NOT NULL,
  closes_at TEXT NOT NULL,
  wrong INTEGER NOT NULL DEFAULT 0 CHECK (wrong BETWEEN 0 AND 5),
  locked_at TEXT,
  void_at TEXT,
  fetched_at TEXT,
  received_at TEXT,
  pkcs12 BLOB,
  CHECK ((wrong = 5) = (locked_at IS NOT NULL)),
  CHECK (received_at IS NULL OR pkcs12 IS NULL)
) STRICT;

CREATE TABLE certificate (
  serial TEXT PRIMARY KEY,
  issuer TEXT NOT NULL CHECK (issuer IN ('root', 'issuing')),
  profile TEXT NOT NULL,
  member TEXT,
  name TEXT,
  roman TEXT,
  key TEXT NOT NULL CHECK (key IN ('member', 'authority')),
  key_kind TEXT NOT NULL,
  spki TEXT NOT NULL UNIQUE,
  sha256 TEXT NOT NULL UNIQUE,
  der BLOB NOT NULL,
  not_before TEXT NOT NULL,
  not_after TEXT NOT NULL,
  reference TEXT UNIQUE REFERENCES letter,
  renews TEXT UNIQUE REFERENCES certificate,
  received_at TEXT,
  CHECK (reference IS NULL OR renews IS NULL),
  CHECK ((member IS NULL) = (name IS NULL) AND (name IS NULL) = (roman IS NULL))
) STRICT;
CREATE INDEX certificate_member ON certificate (member);
CREATE TRIGGER certificate_stays BEFORE DELETE ON certificate BEGIN SELECT RAISE(ABORT, 'a certificate once issued stays'); END;
CREATE TRIGGER certificate_is_fixed BEFORE UPDATE OF serial, issuer, spki, sha256, der, reference, renews ON certificate
  BEGIN SELECT RAISE(ABORT, 'a certificate once issued stays'); END;

-- What members signed (redemption, receipt, renewal, revocation), byte for byte: the authority's evidence for what it did.
CREATE TABLE request (
  sha256 TEXT PRIMARY KEY,
  action TEXT NOT NULL,
  serial TEXT NOT NULL REFERENCES certificate,
  envelope BLOB NOT NULL
) STRICT;
CREATE TRIGGER request_stays BEFORE DELETE ON request BEGIN SELECT RAISE(ABORT, 'a request stays'); END;
CREATE TRIGGER request_is_fixed BEFORE UPDATE ON request BEGIN SELECT RAISE(ABORT, 'a request stays'); END;

CREATE TABLE revocation (
  serial TEXT PRIMARY KEY REFERENCES certificate,
  at TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE TRIGGER revocation_stays BEFORE DELETE ON revocation BEGIN SELECT RAISE(ABORT, 'a revocation stays'); END;
CREATE TRIGGER revocation_is_fixed BEFORE UPDATE ON revocation BEGIN SELECT RAISE(ABORT, 'a revocation stays'); END;

CREATE TABLE crl (
  issuer TEXT NOT NULL CHECK (issuer IN ('root', 'issuing')),
  number INTEGER NOT NULL,
  at TEXT NOT NULL,
  next TEXT NOT NULL,
  revoked INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (issuer, number)
) STRICT;
CREATE TRIGGER crl_number_rises BEFORE INSERT ON crl
  WHEN NEW.number <= (SELECT coalesce(max(number), 0) FROM crl WHERE issuer = NEW.issuer)
  BEGIN SELECT RAISE(ABORT, 'a CRL number never goes back'); END;
