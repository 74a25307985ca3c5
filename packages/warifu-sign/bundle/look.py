"""Open a bundle's desk as its browser does, and look at every page: `look.py PROGRAM HOME`."""

import json
import subprocess
import sys
import urllib.request

PAGES = "certificate fetch take sign verify update diagnostics change revoke renew".split()

program, home = sys.argv[1:]
words = [program, "serve", "--no-browser", "--json", "--home", home]
with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as desk:
    assert desk.stdout is not None
    address = json.loads(desk.stdout.readline())["open"]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    try:
        browser.open(address).read()
        for page in PAGES:
            found = browser.open(f"{address.partition('/open')[0]}/{page}").read()
            assert b"<main" in found, page
    finally:
        desk.terminate()
print(f"desk: {len(PAGES)} pages")
