"""What sources, builds and archives are refused for: what is wrong, what to do.

Each code has a sentence and a step in both languages; the facts of the refusal are filled in. An
empty English step is the one the refusal itself tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Told(NamedTuple):
    """What is wrong and what to do, in English and in Japanese."""

    en: str
    ja: str
    do_en: str
    do_ja: str


RECOMPOSE = "`warifu compose` again from the approved commit, then verify."
RECOMPOSE_JA = "承認されたコミットから `warifu compose` をやり直し、検証してください。"
_REPACK = "an archive without it; `zip -X -D` writes plain ones, `warifu compose` makes its own."
_REPACK_JA = "余分な情報のない書庫にしてください(`zip -X -D`)。`warifu compose` は自分で作ります。"
_FETCH = "fetch what is missing into the repository, then compose again."
_FETCH_JA = "リポジトリに不足分を取得してから、構成し直してください。"
SOURCES: Mapping[str, Told] = {
    "unknown-line": Told(
        "The branch {ref} (commit {commit}) is not in the line registry.",
        "ブランチ {ref}(コミット {commit})は開発系統の登録にありません。",
        "",
        'warifu.toml の [lines] に登録してください(kind = "wip"、ref = "{ref}" など)。',
    ),
    "unapproved-change": Told(
        "Commit {commit} by {author} ({subject}) was approved by nobody; it is on: {line}.",
        "コミット {commit}({author}、{subject})は承認されていません。系統: {line}",
        "",
        "この変更の承認を受けるか、これを含まないコミットを承認してください。",
    ),
    "approved-change-missing": Told(
        "The approved change {commit} is not between base and approved commit.",
        "承認済みの変更 {commit} が base から承認コミットまでの間にありません。",
        "a source that holds it, or an approval without it.",
        "これを含むソースにするか、承認の一覧を改めてください。",
    ),
    "another-tree": Told(
        "What is there ({found}) is not the tree that was approved.",
        "内容(tree {found})が承認されたものと異なります。",
        "",
        "承認された tree を確かめ、承認を改めるかソースを戻してください。",
    ),
    "base-not-below": Told(
        "The approved commit does not build on the base {base}.",
        "承認コミットは base {base} の後に続くものではありません。",
        "",
        "warifu.toml の base を、承認コミットの元になった版に直してください。",
    ),
    "commit-missing": Told(
        "The repository does not have the commit {commit}.",
        "リポジトリにコミット {commit} がありません。",
        _FETCH,
        _FETCH_JA,
    ),
    "line-missing": Told(
        "The line {line} has no branch and no commit in its repository.",
        "開発系統 {line} のブランチまたはコミットがリポジトリにありません。",
        "the ref of that line in warifu.toml, or `git fetch`.",
        "warifu.toml の ref を直すか、`git fetch` してください。",
    ),
    "repository-missing": Told(
        "There is no git repository at {repository}.",
        "{repository} に git リポジトリがありません。",
        "",
        "warifu.toml の repository を直してください。",
    ),
    "partial-clone": Told(
        "{repository} is a partial clone: it promises objects that it does not have.",
        "{repository} は一部のオブジェクトしか持たない複製です(partial clone)。",
        "",
        "`git clone` を --filter なしでやり直してください。",
    ),
    "object-altered": Told(
        "An object of commit {commit} was altered in the repository: it is {found} now.",
        "コミット {commit} のオブジェクトが書き換えられています(現在 {found})。",
        "a sound clone; find out who wrote into this one's object store.",
        "正しい複製を用意し、誰がここを書き換えたかを調べてください。",
    ),
    "large-file-missing": Told(
        "The large file {path} is only a pointer here.",
        "大きなファイル {path} の実体がありません(ポインタのみ)。",
        "",
        "`git lfs fetch` を実行してください。",
    ),
    "submodule-missing": Told(
        "The submodule {path} cannot be read.",
        "サブモジュール {path} を読み取れません。",
        "",
        "warifu.toml の build.submodules にリポジトリを書き、指定のコミットを取得してください。",
    ),
    "vendored-missing": Told(
        "The vendored file {sha256} is not in the depot.",
        "同梱ファイル {sha256} が保管庫にありません。",
        "",
        "ファイルを保管庫に入れてから構成し直してください。",
    ),
    "bad-lock": Told(
        "The lock file has a line of another form: {found}",
        "lock ファイルに形式の違う行があります: {found}",
        "",
        "sha256、空白二つ、パスの順(sha256sum の形式)で書いてください。",
    ),
    "path-not-utf8": Told(
        "The file name {path} is not UTF-8.",
        "ファイル名 {path} が UTF-8 ではありません。",
        "",
        "ファイル名を UTF-8 に改めてください。",
    ),
    "path-outside-tree": Told(
        "The path {found} would leave the program's folder.",
        "パス {found} はプログラムのフォルダの外を指します。",
        "",
        "フォルダ内の相対パスにしてください。",
    ),
}
BUILDS: Mapping[str, Told] = {
    "step-failed": Told(
        "The build step {step} failed:\n{log}",
        "ビルド手順 {step} が失敗しました:\n{log}",
        "",
        "手順が正常に終わるように直してください。",
    ),
    "step-too-slow": Told(
        "This did not end in time: {command}",
        "時間内に終わりませんでした: {command}",
        "",
        "時間内に終わるように直すか、verify の seconds を延ばしてください。",
    ),
    "build-too-large": Told(
        "The build makes more than it may, at {path}.",
        "生成物が大きすぎます({path})。",
        "",
        "生成物を減らしてください。",
    ),
    "strange-file": Told(
        "The build made {path}, which is neither a file nor a link.",
        "ビルドがファイルでもリンクでもない {path} を作りました。",
        "",
        "ファイルまたはリンクだけを作ってください。",
    ),
    "no-result": Told(
        "The suite {suite} wrote no JUnit report that can be read. {log}",
        "検証 {suite} の JUnit 報告を読み取れません。{log}",
        "a suite that writes JUnit to {{junit}}.",
        "検証が {{junit}} に JUnit 報告を書くようにしてください。",
    ),
    "tests-failed": Told(
        "The suite {suite} failed on these bytes: {failed}",
        "検証 {suite} がこの内容で不合格です: {failed}",
        "mend it in the source, have that approved, and compose again; bytes are never mended.",
        "ソースを直し、承認を受けて構成し直してください。内容だけを直すことはできません。",
    ),
    "not-tested": Told(
        "No suite ran on this artifact.",
        "この成果物に対する検証がありません。",
        "at least one suite in warifu.toml, [verify.NAME], then `warifu verify`.",
        "warifu.toml に [verify.名前] を書き、`warifu verify` を実行してください。",
    ),
}
ARCHIVES: Mapping[str, Told] = {
    "archive-end": Told(
        "There is something behind the end of the archive, or it is cut short.",
        "書庫の終わりの後に余分な内容があるか、途中で切れています。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-gap": Told(
        "The archive holds bytes that belong to no member, near {member}.",
        "書庫にどのファイルにも属さない内容があります({member})。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-extra": Told(
        "The member {member} carries an extra field or a comment.",
        "{member} に拡張情報または注釈が付いています。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-flags": Told(
        "The member {member} is packed in an unusual way (its flags).",
        "{member} の格納方法(フラグ)が通常と異なります。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-zip64": Told(
        "The archive uses zip64 at {member}.",
        "書庫が zip64 を使っています({member})。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-method": Told(
        "The member {member} is packed by another method than deflate.",
        "{member} の圧縮方式が deflate ではありません。",
        _REPACK,
        _REPACK_JA,
    ),
    "archive-encrypted": Told(
        "The member {member} is encrypted.",
        "{member} が暗号化されています。",
        "an archive that everybody can read.",
        "暗号化しない書庫にしてください。",
    ),
    "archive-duplicate": Told(
        "The archive has {member} twice.",
        "書庫に {member} が二つあります。",
        RECOMPOSE,
        RECOMPOSE_JA,
    ),
    "archive-collision": Told(
        "{member} falls on another member where case or normal form do not count.",
        "{member} は大文字小文字または正規化を区別しない環境で別のファイルと重なります。",
        "",
        "名前を改めてください。",
    ),
    "archive-path": Told(
        "The member {member} would leave the folder, or has a name Windows cannot have.",
        "{member} はフォルダの外を指すか、Windows で使えない名前です。",
        "",
        "フォルダ内の普通の相対パスにしてください。",
    ),
    "archive-name": Told(
        "The name {member} is not UTF-8, or not flagged as such.",
        "名前 {member} が UTF-8 ではないか、その印がありません。",
        "",
        "UTF-8 の名前(印つき)にしてください。",
    ),
    "archive-mode": Told(
        "{member} is neither a plain file, an executable, nor a link.",
        "{member} は普通のファイル、実行ファイル、リンクのいずれでもありません。",
        "",
        "普通のファイルまたはリンクにしてください。",
    ),
    "archive-headers-differ": Told(
        "The archive says two different things about {member}.",
        "書庫の中で {member} についての記載が食い違っています。",
        RECOMPOSE,
        RECOMPOSE_JA,
    ),
    **{
        f"archive-{fault}": Told(
            "The archive is damaged at {member}.",
            "書庫が壊れています({member})。",
            RECOMPOSE,
            RECOMPOSE_JA,
        )
        for fault in ("central", "crc", "deflate", "size", "truncated")
    },
    **{
        f"archive-{fault}": Told(
            "The archive claims to hold far more than this program ({member}).",
            "書庫の内容がこのプログラムより大きすぎます({member})。",
            "",
            "このプログラムの書庫を指定してください。",
        )
        for fault in ("too-large", "too-many")
    },
    "another-archive": Told(
        "The files are approved, but the archive {found} is another than was built ({expected}).",
        "ファイルは承認されたものですが、書庫 {found} はビルドしたもの({expected})と異なります。",
        'that archive itself, or build.normalise = ["archive"] in warifu.toml.',
        'ビルドした書庫を使うか、warifu.toml に build.normalise = ["archive"] と書いてください。',
    ),
}
