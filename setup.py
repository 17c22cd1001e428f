"""Builds the native engine where there is a C++ compiler; all else is in setup.cfg."""

from glob import glob

from setuptools import Extension, setup

NATIVE = "edge_rnnt/device/native"

setup(
  ext_modules=[
    Extension(
      "edge_rnnt.device._native",  # a plain shared library: edge_rnnt/device/binding.py loads it
      sources=sorted(glob(f"{NATIVE}/*.cc") + glob(f"{NATIVE}/kernels/*.cc")),
      depends=sorted(glob(f"{NATIVE}/*.h") + glob(f"{NATIVE}/kernels/*.h")),
      include_dirs=[NATIVE],
      language="c++",
      # Contracted products would differ from processor to processor in their last bit.
      extra_compile_args=["-std=c++17", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"],
      optional=True,
    )
  ]
)
