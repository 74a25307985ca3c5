// An appcast read by somebody else's XML reader; its file fetched, its Ed25519 signature verified.
// node appcast.cjs ADDRESS PUBLIC_KEY_HEX      prints a JSON list of what is offered
const { createPublicKey, verify } = require('node:crypto');
const { parseXml } = require('builder-util-runtime');

async function main(address, key) {
  const channel = parseXml(await (await fetch(address)).text()).element('channel');
  const found = [];
  for (const item of channel.getElements('item')) {
    const enclosure = item.element('enclosure');
    const data = Buffer.from(await (await fetch(enclosure.attribute('url'))).arrayBuffer());
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'hex')]);
    const signed = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const signature = Buffer.from(enclosure.attribute('sparkle:edSignature'), 'base64');
    found.push({
      version: item.element('sparkle:version').value,
      whole: data.length === Number(enclosure.attribute('length')),
      signed: verify(null, data, signed, signature),
      dated: !Number.isNaN(Date.parse(item.element('pubDate').value)),
    });
  }
  console.log(JSON.stringify(found));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
