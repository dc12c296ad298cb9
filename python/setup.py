# ===- setup.py - the platform of the wheel -------------------------------===#
"""Wheels have the runtime library, the compiler and a module in CPython's stable interface,
all built before. ATTN_WHEEL_PLATFORM is the tag of the system that they are for
(tools/wheel.sh)."""

import os

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class Package(Distribution):
    def has_ext_modules(self):
        return True


class Wheel(bdist_wheel):
    def get_tag(self):
        _, _, platform = super().get_tag()
        return "cp311", "abi3", os.environ.get("ATTN_WHEEL_PLATFORM", platform)


setup(distclass=Package, cmdclass={"bdist_wheel": Wheel})
