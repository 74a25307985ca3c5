"""The certificate download tool (電子証明書ダウンロードツール): letter, request, receipt."""
