"""Writes the first program of a guide, and what the guide says that it prints.

read_guide.py GUIDE LANGUAGE PROGRAM OUTPUT
"""

import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    program, output = re.search(
        rf"```{sys.argv[2]}\n(.*?)```\n\nprints\n\n```\n(.*?)```", file.read(), re.DOTALL).groups()
for path, text in ((sys.argv[3], program), (sys.argv[4], output)):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
