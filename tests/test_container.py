"""The limits of control groups, read from trees of files as the kernel shows them."""

import pytest

from style_core.container import container_memory

GB = 1_000_000_000
NO_LIMIT_V1 = 9223372036854771712


@pytest.fixture
def tree(tmp_path):
    """Makes a process's folder and the groups it is in; gives the folder."""

    def make(kind, path, *, root="/", groups=None):
        proc, point = tmp_path / "proc", tmp_path / "groups"
        proc.mkdir()
        named, options = ("9:memory:", "rw,memory") if kind == "cgroup" else ("0::", "rw")
        other = "5:devices:/elsewhere\n1:name=systemd:/init.scope\n"
        (proc / "cgroup").write_text(f"{other}{named}{path}\n")
        (proc / "mountinfo").write_text(
            "22 1 0:20 / /proc rw,relatime - proc proc rw\n"
            f"30 22 0:30 {root} {point} rw,nosuid shared:9 master:1 - {kind} {kind} {options}\n"
            "31 22 0:31 / /nowhere rw - cgroup cgroup rw,devices\n"
        )
        for name, files in (groups or {}).items():
            folder = point / name
            folder.mkdir(parents=True, exist_ok=True)
            for file, text in files.items():
                (folder / file).write_text(f"{text}\n")
        return proc

    return make


def v2(limit, used, *, high="max", inactive=0):
    stat = f"anon 12\nfile {inactive * 2}\ninactive_file {inactive}\nactive_file 7"
    return {"memory.max": limit, "memory.high": high, "memory.current": used, "memory.stat": stat}


def v1(limit, used, *, inactive=0):
    stat = f"cache 5\ninactive_file 3\ntotal_cache 9\ntotal_inactive_file {inactive}"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used, "memory.stat": stat}


def test_the_limit_less_what_is_used_and_would_not_be_given_back(tree):
    proc = tree("cgroup2", "/job", groups={"job": v2(2 * GB, 1_500_000_000, inactive=400_000_000)})
    assert container_memory(proc) == 900_000_000


def test_without_a_limit_there_is_none(tree):
    assert container_memory(tree("cgroup2", "/job", groups={"job": v2("max", GB)})) is None


def test_version_1_writes_no_limit_as_a_large_number(tree):
    assert container_memory(tree("cgroup", "/job", groups={"job": v1(NO_LIMIT_V1, GB)})) is None


def test_version_1_counts_the_inactive_files_of_all_below(tree):
    proc = tree("cgroup", "/job", groups={"job": v1(2 * GB, GB, inactive=300_000_000)})
    assert container_memory(proc) == 1_300_000_000


@pytest.mark.parametrize(("kind", "group"), [("cgroup2", v2), ("cgroup", v1)])
def test_the_tightest_of_all_groups_above_counts(tree, kind, group):
    groups = {"a": group(4 * GB, 3_500_000_000), "a/b": group(8 * GB, 3 * GB), "a/b/c": group(3 * GB, GB)}
    assert container_memory(tree(kind, "/a/b/c", groups=groups)) == 500_000_000


def test_a_group_that_is_slowed_down_early_counts_as_limited_there(tree):
    proc = tree("cgroup2", "/job", groups={"job": v2(4 * GB, GB, high=3 * GB)})
    assert container_memory(proc) == 2 * GB


def test_a_limit_that_is_passed_leaves_nothing(tree):
    assert container_memory(tree("cgroup2", "/job", groups={"job": v2(GB, 2 * GB)})) == 0


@pytest.mark.parametrize("root", ["/docker/1f", "/other/place"])
def test_in_a_container_the_tree_begins_at_its_own_group(tree, root):
    """Docker shows its group as the whole tree, with or without the path outside in /proc/self/cgroup."""
    proc = tree("cgroup", "/docker/1f", root=root, groups={".": v1(2 * GB, GB)})
    assert container_memory(proc) == GB


def test_groups_below_the_one_a_container_begins_at_are_found(tree):
    proc = tree("cgroup", "/docker/1f/worker", root="/docker/1f", groups={"worker": v1(GB, 0)})
    assert container_memory(proc) == GB


def test_a_tree_whose_files_are_missing_says_nothing(tree):
    assert container_memory(tree("cgroup2", "/")) is None


def test_elsewhere_than_on_linux_nothing_is_known(tmp_path):
    assert container_memory(tmp_path / "no such folder") is None
