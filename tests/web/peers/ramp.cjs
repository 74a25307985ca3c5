// Who is offered a release of some share by two peers' own rules, for machines on standard input.
// node ramp.cjs PERCENT RELEASE      a line "electron hot" of 0 and 1 for each line that is a UUID
const { AppUpdater } = require('electron-updater/out/AppUpdater.js');
const { getDefaultNumericCohort, isCohortEligibleForUpdate } = require('@hot-updater/core');

const [percent, release] = process.argv.slice(2);
const quiet = { info() {}, warn() {} };

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split('\n');
  const said = [];
  for (const id of lines) {
    const self = { _logger: quiet, stagingUserIdPromise: { value: Promise.resolve(id) } };
    const info = { stagingPercentage: Number(percent) };
    const electron = await AppUpdater.prototype.isStagingMatch.call(self, info);
    const hot = isCohortEligibleForUpdate(
      release, getDefaultNumericCohort(id), Number(percent) * 10, null);
    said.push(`${Number(electron)} ${Number(hot)}`);
  }
  console.log(said.join('\n'));
}

main();
