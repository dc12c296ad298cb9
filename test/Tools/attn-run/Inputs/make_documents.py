"""Writes the tables of `documents`: DOC FIRST TOKENS LENGTH...

Tokens after the last document are of one that there is not.
"""

import array
import sys


def write(path, values):
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': ({len(values)},), }}\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little"))
        file.write(header.encode())
        file.write(array.array("i", values).tobytes())


doc_path, first_path = sys.argv[1:3]
tokens, *lengths = map(int, sys.argv[3:])
docs, firsts = [], [0]
for number, length in enumerate(lengths):
    docs += [number] * length
    firsts.append(len(docs))
write(doc_path, docs + [len(lengths)] * (tokens - len(docs)))
write(first_path, firsts)
