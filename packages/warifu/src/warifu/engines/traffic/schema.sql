CREATE TABLE IF NOT EXISTS installation (
  id TEXT PRIMARY KEY,
  numbers TEXT NOT NULL UNIQUE,
  keyid TEXT NOT NULL,
  key TEXT NOT NULL,
  issued INTEGER NOT NULL,
  member TEXT,
  confirmed INTEGER,
  counter INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS installation_member ON installation (member) WHERE member IS NOT NULL;

CREATE TABLE IF NOT EXISTS outcome (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  installation TEXT NOT NULL REFERENCES installation (id),
  counter INTEGER NOT NULL,
  attempt TEXT NOT NULL,
  phase TEXT NOT NULL,
  result TEXT NOT NULL,
  product TEXT NOT NULL,
  gate INTEGER NOT NULL,
  release TEXT NOT NULL,
  origin TEXT,
  failure TEXT NOT NULL,
  at INTEGER NOT NULL,
  received INTEGER NOT NULL,
  payload TEXT NOT NULL,
  envelope BLOB NOT NULL,
  ended INTEGER GENERATED ALWAYS AS (result <> 'started') VIRTUAL,
  UNIQUE (installation, counter),
  UNIQUE (installation, attempt, phase, ended)
) STRICT;
CREATE INDEX IF NOT EXISTS outcome_release ON outcome (release, received);

CREATE TABLE IF NOT EXISTS batch (
  first INTEGER PRIMARY KEY,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  digest TEXT NOT NULL,
  named INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS fetched (
  machine TEXT NOT NULL,
  file TEXT NOT NULL,
  size INTEGER NOT NULL,
  spans TEXT NOT NULL,
  first INTEGER NOT NULL,
  complete INTEGER,
  PRIMARY KEY (machine, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fetched_file ON fetched (file, complete);

CREATE TABLE IF NOT EXISTS log (
  path TEXT PRIMARY KEY,
  inode INTEGER NOT NULL,
  place INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS elsewhere (
  file TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS unresolved (
  file TEXT PRIMARY KEY,
  answers INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
