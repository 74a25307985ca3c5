// electron-updater's own provider reads a feed, and downloads with its own check of the digest.
// node feed.cjs FEED_ADDRESS DESTINATION      prints what it found; exit 1 when it found nothing
const http = require('node:http');
const {
  CancellationToken, HttpExecutor, configureRequestOptions, configureRequestUrl,
} = require('builder-util-runtime');
const { GenericProvider } = require('electron-updater/out/providers/GenericProvider.js');

class Plain extends HttpExecutor {
  createRequest(options, callback) {
    return http.request(options, callback);
  }

  // What its executor inside Electron does, without Electron.
  download(url, destination, options) {
    return options.cancellationToken.createPromise((resolve, reject, onCancel) => {
      const request = {};
      configureRequestUrl(url, request);
      configureRequestOptions(request);
      const callback = (error) => (error == null ? resolve(destination) : reject(error));
      this.doDownload(request, { destination, options, onCancel, callback, responseHandler: null }, 0);
    });
  }
}

async function main(url, destination) {
  const executor = new Plain();
  const runtime = { isUseMultipleRangeRequest: false, platform: 'win32', executor };
  const updater = { channel: null, isAddNoCacheQuery: true };
  const provider = new GenericProvider({ provider: 'generic', url }, updater, runtime);
  const info = await provider.getLatestVersion();
  const [file] = provider.resolveFiles(info);
  await executor.download(file.url, destination, {
    sha512: file.info.sha512,
    cancellationToken: new CancellationToken(),
    skipDirCreation: true,
  });
  console.log(JSON.stringify({ version: info.version, date: info.releaseDate, url: file.url.href,
    size: file.info.size, staging: info.stagingPercentage ?? null }));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.code ?? error.name, error.message.split('\n')[0]);
  process.exit(1);
});
