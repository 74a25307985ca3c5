// An independent client reads our repository: refresh, find each target, bring it, print its sha256.
// node read.mjs METADATA_DIR TARGET_DIR ADDRESS TARGET...      exit 1 when anything is refused
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Updater } from 'tuf-js';

const [metadataDir, targetDir, address, ...names] = process.argv.slice(2);
const updater = new Updater({
  metadataDir,
  metadataBaseUrl: `${address}/metadata`,
  targetDir,
  targetBaseUrl: `${address}/targets`,
  config: { fetchRetry: 0 },
});
try {
  await updater.refresh();
  for (const name of names) {
    const found = await updater.getTargetInfo(name);
    if (!found) throw new Error(`no target ${name}`);
    const path = await updater.downloadTarget(found);
    console.log(createHash('sha256').update(readFileSync(path)).digest('hex'), name);
  }
} catch (error) {
  console.error(`${error.name}: ${error.message}`);
  process.exit(1);
}
