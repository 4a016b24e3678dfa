# Writes what is in a folder to standard output as a zip, with one date; nothing where there are no files.
import os, sys, zipfile

root, prefix = sys.argv[1:]
found = []
for folder, folders, names in os.walk(root):
    folders.sort()
    found += [os.path.join(folder, name) for name in sorted(names)]
found = [path for path in found if os.path.isfile(path) and not os.path.islink(path)]
if found:
    with zipfile.ZipFile(sys.stdout.buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in found:
            name = os.path.join(prefix, os.path.relpath(path, root))
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            with open(path, "rb") as file:
                archive.writestr(info, file.read())
