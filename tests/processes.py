"""What the host says of a platform's processes."""

import pathlib


def descendants(pid):
    """All processes that descend from this one, by their ids."""
    parents = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
        except OSError:
            pass
    found, todo = [], list(parents.get(pid, []))
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found
