#!/usr/bin/env python3
"""Writes the example registry and the example advisories from the sources beside this file.

    make.py [DIR]        DIR/registry and DIR/advisories; DIR is examples/ by default

Only the standard library is used. The same sources give the same bytes on every machine: entries
are sorted, times and owners are fixed, and deflate streams hold stored blocks only, because
compressors differ between versions of zlib.
"""

import hashlib
import io
import json
import pathlib
import shutil
import struct
import sys
import tarfile
import urllib.parse
import zipfile
import zlib

SOURCES = pathlib.Path(__file__).resolve().parent
# All files of the layers carry this time: 2024-01-01 00:00:00 UTC.
MTIME = 1704067200
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def gzip_stored(data):
    """Returns data as a gzip file of stored blocks, without name and time."""
    out = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    blocks = [data[i : i + 0xFFFF] for i in range(0, len(data), 0xFFFF)] or [b""]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        out.append(struct.pack("<BHH", last, len(block), 0xFFFF ^ len(block)))
        out.append(block)
    out.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(out)


def zip_stored(files):
    """Returns a zip archive of (name, bytes) pairs, with the earliest time a zip can state."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            archive.writestr(info, data, zipfile.ZIP_STORED)
    return buffer.getvalue()


def tree(folder):
    """Returns the files below a folder as (relative path, bytes), sorted.

    Names are percent-encoded where some file systems refuse a character (`libc6%3Aamd64.list`),
    and a folder called `*.jar` stands for a jar with its content.
    """
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        name = urllib.parse.unquote(path.name)
        if path.is_file():
            yield name, path.read_bytes()
        elif path.suffix == ".jar":
            yield name, zip_stored(tree(path))
        else:
            for below, data in tree(path):
                yield f"{name}/{below}", data


def layer_tar(name):
    """Returns the tar archive of one folder below `layers`."""
    files = dict(tree(SOURCES / "layers" / name))
    folders = {str(p) for f in files for p in pathlib.PurePosixPath(f).parents} - {"."}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folders | set(files)):
            info = tarfile.TarInfo(path)
            info.mtime = MTIME
            if path in files:
                info.size = len(files[path])
                info.mode = 0o755 if path.split("/")[-2:-1] in (["bin"], ["sbin"]) else 0o644
                archive.addfile(info, io.BytesIO(files[path]))
            else:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
    return buffer.getvalue()


def compact(value):
    """Returns JSON without spaces, keys sorted."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Layout:
    """An OCI image layout that is being written."""

    def __init__(self, folder):
        self.blobs = folder / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        (folder / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}\n')
        self.index, self.manifests, self.layers = folder / "index.json", [], {}

    def put(self, media_type, data):
        """Stores a blob and returns its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, name):
        """Returns the descriptor and the diff id of a layer, written once."""
        if name not in self.layers:
            tar = layer_tar(name)
            diff_id = f"sha256:{hashlib.sha256(tar).hexdigest()}"
            self.layers[name] = self.put(LAYER, gzip_stored(tar)), diff_id
        return self.layers[name]

    def image(self, image):
        """Writes one image of images.json."""
        layers = [self.layer(name) for name in image["layers"]]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "created": image["created"],
            "config": image["config"],
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
            "history": [
                {"created": image["created"], "created_by": f"examples/make/layers/{name}"}
                for name in image["layers"]
            ],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put(CONFIG, compact(config)),
            "layers": [descriptor for descriptor, _ in layers],
        }
        descriptor = self.put(MANIFEST, compact(manifest))
        descriptor["annotations"] = {"org.opencontainers.image.ref.name": image["ref"]}
        self.manifests.append(descriptor)

    def finish(self):
        """Writes index.json, which makes the images visible."""
        index = {"schemaVersion": 2, "manifests": self.manifests}
        self.index.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")


def main():
    """Writes both folders anew."""
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCES.parent
    for name in ("registry", "advisories"):
        shutil.rmtree(target / name, ignore_errors=True)
    layout = Layout(target / "registry")
    for image in json.loads((SOURCES / "images.json").read_text())["images"]:
        layout.image(image)
    layout.finish()
    for source in sorted((SOURCES / "advisories").iterdir()):
        if source.is_dir():
            folder = target / "advisories" / source.name
            folder.mkdir(parents=True)
            records = [(name, compact(json.loads(data))) for name, data in tree(source)]
            (folder / "all.zip").write_bytes(zip_stored(records))
        else:
            (target / "advisories").mkdir(parents=True, exist_ok=True)
            (target / "advisories" / source.name).write_bytes(source.read_bytes())


if __name__ == "__main__":
    main()
