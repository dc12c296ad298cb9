"""Writes an .npy file whose header says what the arguments say.

make_npy.py FILE DESCR SHAPE [--order True|False] [--bytes N] [--text HEADER]
"""

import argparse
import struct

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("descr")
parser.add_argument("shape")
parser.add_argument("--order", default="False")
parser.add_argument("--bytes", type=int, default=0, help="zeros as data")
parser.add_argument("--text", help="a whole header in place of the others")
arguments = parser.parse_args()

header = arguments.text or (
    f"{{'descr': '{arguments.descr}', 'fortran_order': {arguments.order}, "
    f"'shape': {arguments.shape}, }}\n"
)
with open(arguments.file, "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
    file.write(header.encode() + bytes(arguments.bytes))
