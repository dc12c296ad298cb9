# ===- setup.py - the platform of the wheel -------------------------------===#
"""Wheels have the runtime library and the compiler, which are for a system, but no code
for a version of Python. ATTN_WHEEL_PLATFORM is that system's tag (tools/wheel.sh)."""

import os

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class Package(Distribution):
    def has_ext_modules(self):
        return True


class Wheel(bdist_wheel):
    def get_tag(self):
        _, _, platform = super().get_tag()
        return "py3", "none", os.environ.get("ATTN_WHEEL_PLATFORM", platform)


setup(distclass=Package, cmdclass={"bdist_wheel": Wheel})
