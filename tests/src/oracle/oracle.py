"""python-tuf as a second opinion on TUF repositories.

    oracle.py read DIR     a client: bootstraps from DIR/metadata/1.root.json, refreshes, downloads every
                           target, and prints what it trusts as JSON
    oracle.py follow DIR STATE   the same, but of a client that keeps in STATE what it trusted before, and without
                           downloading anything
    oracle.py judge        reads a repository a line from standard input, as JSON of file names and hexadecimal
                           contents below `files`, and what the client trusted before below `state`; answers each
                           with a line: what a client trusts, or why it refuses
    oracle.py write DIR    a repository: writes DIR/metadata and DIR/targets with two roots and a target

Exit code 3: the client refused the repository; the exception is on standard output.
"""

import json
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import (
    Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp,
)
from tuf.ngclient import FetcherInterface, Updater

TARGET = "v1.1.0/manifest.json"
CONTENT = b"written by python-tuf"


class Disk(FetcherInterface):
    def _fetch(self, url):
        try:
            return iter([Path(url.removeprefix("file://")).read_bytes()])
        except FileNotFoundError:
            raise DownloadHTTPError(f"{url} is not there", 404) from None


def client(base: Path, state: Path) -> Updater:
    for name in ("metadata", "targets"):
        Path(state, name).mkdir(exist_ok=True)
    known = Path(state, "metadata/root.json").exists()
    updater = Updater(
        metadata_dir=f"{state}/metadata",
        metadata_base_url=f"file://{base}/metadata/",
        target_dir=f"{state}/targets",
        target_base_url=f"file://{base}/targets/",
        fetcher=Disk(),
        bootstrap=None if known else Path(base, "metadata/1.root.json").read_bytes(),
    )
    updater.refresh()
    return updater


def versions(updater: Updater) -> dict:
    return {
        role: getattr(updater._trusted_set, role).version
        for role in ("root", "timestamp", "snapshot", "targets")
    }


def read(base: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        updater = client(base, scratch)
        targets = {}
        for path in updater._trusted_set.targets.targets:
            info = updater.get_targetinfo(path)
            content = Path(updater.download_target(info)).read_bytes()
            targets[path] = {"content": content.hex(), "custom": info.custom}
        print(json.dumps({"versions": versions(updater), "targets": targets}))


def follow(base: Path, state: Path) -> None:
    updater = client(base, state)
    print(json.dumps({"versions": versions(updater), "targets": list(updater._trusted_set.targets.targets)}))


class Memory(FetcherInterface):
    def __init__(self, files):
        self.files = files

    def _fetch(self, url):
        try:
            return iter([bytes.fromhex(self.files[url.removeprefix("memory://")])])
        except KeyError:
            raise DownloadHTTPError(f"{url} is not there", 404) from None


def verdict(case: dict, scratch: Path) -> dict:
    for name, content in case["state"].items():
        (scratch / name).write_bytes(bytes.fromhex(content))
    try:
        updater = Updater(
            metadata_dir=str(scratch),
            metadata_base_url="memory://",
            fetcher=Memory(case["files"]),
            bootstrap=None,
        )
        updater.refresh()
    except Exception as error:  # Whatever it stumbles over, it does not go on.
        return {"refused": f"{type(error).__name__}: {error}"}
    targets = updater._trusted_set.targets.targets
    listed = {path: [target.length, target.hashes.get("sha256")] for path, target in targets.items()}
    return {"versions": versions(updater), "targets": listed}


def judge() -> None:
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as scratch:
            print(json.dumps(verdict(json.loads(line), Path(scratch))))


def write(base: Path) -> None:
    expires = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=7)
    keys = {name: CryptoSigner.generate_ed25519() for name in (*"abc", *Root(1).roles)}
    Path(base, "metadata").mkdir(parents=True)

    def store(name, signed, *signers):
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(keys[signer], append=True)
        data = metadata.to_bytes()
        Path(base, "metadata", name).write_bytes(data)
        return MetaFile.from_data(signed.version, data, ["sha256"])

    root = Root(1, expires=expires, consistent_snapshot=True)
    for role in ("targets", "snapshot", "timestamp"):
        root.add_key(keys[role].public_key, role)
    root.add_key(keys["a"].public_key, "root")
    root.add_key(keys["b"].public_key, "root")
    root.roles["root"].threshold = 2
    store("1.root.json", root, "a", "b")
    root.version = 2
    root.revoke_key(keys["a"].public_key.keyid, "root")
    root.add_key(keys["c"].public_key, "root")
    store("2.root.json", root, "a", "b", "c")

    target = TargetFile.from_data(TARGET, CONTENT, ["sha256"])
    target.unrecognized_fields["custom"] = {"é\"\\": [1, -2, None, True, {"z": "", "a": {}}]}
    file = Path(base, "targets/v1.1.0", f"{target.hashes['sha256']}.manifest.json")
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    listed = store("3.targets.json", Targets(3, expires=expires, targets={TARGET: target}), "targets")
    snapshot = Snapshot(4, expires=expires, meta={"targets.json": listed})
    listed = store("4.snapshot.json", snapshot, "snapshot")
    store("timestamp.json", Timestamp(5, expires=expires, snapshot_meta=listed), "timestamp")


if __name__ == "__main__":
    try:
        {"read": read, "follow": follow, "judge": judge, "write": write}[sys.argv[1]](*map(Path, sys.argv[2:]))
    except (RepositoryError, DownloadError) as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(3)
