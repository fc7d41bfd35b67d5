"""The endpoints as tools for MCP clients, behind a flag."""

import asyncio
import urllib.request

import pytest

from demo.server import serve
from style_core import get_method, list_methods
from style_core.fronts import option_fields

pytest.importorskip("mcp", reason="gradio's mcp extra is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = serve(shares=str(tmp_path_factory.mktemp("shares")), quiet=True, mcp=True)
    yield running
    running.close()


def test_every_method_compare_and_share_are_tools_with_documented_parameters(server):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def tools():
        async with (
            streamablehttp_client(f"{server.url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return {tool.name: tool for tool in (await session.list_tools()).tools}

    found = asyncio.run(tools())
    assert {*list_methods(), "clip", "compare", "share"} == {
        name.removeprefix("style_transfer_") for name in found
    }
    wct2 = next(tool for name, tool in found.items() if name.endswith("wct2"))
    assert "recoloring" in wct2.description
    inputs = wct2.inputSchema["properties"]
    assert {"content", "style", "style_strength", "masks"} <= set(inputs)
    assert (
        inputs["style_strength"]["description"]
        == option_fields(get_method("wct2").options)["style_strength"].help
    )
    assert "file: the result" in wct2.description


def test_without_the_flag_there_is_no_mcp(tmp_path):
    running = serve(shares=str(tmp_path), quiet=True)
    try:
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{running.url}gradio_api/mcp/schema")
    finally:
        running.close()
