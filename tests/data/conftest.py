"""A web server on loopback, and a spoken-digit archive of the official layout, made on the spot."""

import hashlib
import http.server
import io
import re
import tarfile
import threading

import numpy as np
import pytest
import soundfile

from data.download import Archive

SPEAKERS = ("george", "jackson", "lucas", "theo", "yweweler")
PREFIX = "free-spoken-digit-dataset-1.0.9"


class Handler(http.server.BaseHTTPRequestHandler):
  """Serves `server.files`, honours Range, notes requests, hangs up after `server.cut` bytes."""

  def do_GET(self):
    self.server.requests.append((self.path, self.headers.get("Range")))
    content = self.server.files.get(self.path.lstrip("/"))
    if content is None:
      self.send_error(404)
      return
    begin = int(re.sub(r"\D", "", self.headers.get("Range") or "0"))
    if begin >= len(content):
      self.send_error(416)
      return
    self.send_response(206 if begin else 200)
    self.send_header("Content-Length", str(len(content) - begin))
    self.end_headers()
    self.wfile.write(content[begin : self.server.cut])

  def log_message(self, *args):
    pass


@pytest.fixture
def web():
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  server.files, server.requests, server.cut = {}, [], None
  server.url = f"http://127.0.0.1:{server.server_port}"
  thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
  thread.start()
  yield server
  server.shutdown()
  server.server_close()


@pytest.fixture
def publish(web):
  """Puts a file on the server; returns it with the checksum that it would be published with."""

  def put(content: bytes, name: str = "v1.0.9.tar.gz") -> Archive:
    web.files[name] = content
    return Archive(f"{web.url}/{name}", hashlib.sha256(content).hexdigest(), len(content))

  return put


@pytest.fixture
def unreachable() -> Archive:
  """An address at which nobody listens."""
  return Archive("http://127.0.0.1:9/v1.0.9.tar.gz", "0" * 64, 1)


@pytest.fixture(scope="session")
def digit_samples():
  """What each made-up recording holds: a tone per digit, a length per speaker and take."""

  def samples(digit: int, speaker: str, take: int) -> np.ndarray:
    time = np.arange(1200 + 160 * take + 80 * SPEAKERS.index(speaker)) / 8000
    return (8000 * np.sin(2 * np.pi * (300 + 100 * digit) * time)).astype(np.int16)

  return samples


@pytest.fixture(scope="session")
def digit_archive(digit_samples):
  """Makes a tar.gz with the files and folders of the official one."""

  def pack(takes: int = 2, speakers: tuple[str, ...] = SPEAKERS) -> bytes:
    contents = {f"{PREFIX}/README.md": b"# FSDD", f"{PREFIX}/acquire_data/split.py": b"pass"}
    for digit in range(10):
      for speaker in speakers:
        for take in range(takes):
          wav = io.BytesIO()
          soundfile.write(wav, digit_samples(digit, speaker, take), 8000, format="WAV")
          contents[f"{PREFIX}/recordings/{digit}_{speaker}_{take}.wav"] = wav.getvalue()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
      for name, content in contents.items():
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()

  return pack
