"""What devices say of their memory."""

import os

import pytest
import torch

from style_core import device as devices

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 8 bytes: 2 nobody has, 5 that PyTorch has, 1 of them in use."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2, 8))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1)


def test_what_pytorch_has_cached_on_a_gpu_is_free(gpu):
    assert devices.available_memory(GPU) == 6
    assert devices.held_memory(GPU) == 1


@pytest.mark.parametrize(("container", "free"), [(7, 7), (None, 10), (12, 10)])
def test_the_tighter_of_container_and_machine_counts(monkeypatch, container, free):
    monkeypatch.setattr(devices, "_machine_memory", lambda: 10)
    monkeypatch.setattr(devices, "container_memory", lambda: container)
    assert devices.available_memory(CPU) == free


def test_nothing_is_known_where_neither_says_anything(monkeypatch):
    monkeypatch.setattr(devices, "_machine_memory", lambda: None)
    monkeypatch.setattr(devices, "container_memory", lambda: None)
    assert devices.available_memory(CPU) is None


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="Linux alone says what is resident")
def test_what_the_process_holds_grows_with_what_it_takes():
    devices.give_memory_back()  # so that nothing freed before is taken again
    before = devices.held_memory(CPU)
    taken = torch.ones(50_000_000, dtype=torch.uint8)
    assert devices.held_memory(CPU) - before > 0.9 * taken.numel()
