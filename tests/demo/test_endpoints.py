"""What the page is told of its events: whose progress is drawn, and where."""

from demo.limits import Limits
from demo.page import build_page
from demo.service import Service
from demo.shares import ShareStore


def test_an_events_progress_is_drawn_on_one_output_at_most(tmp_path):
    """Each drawn one is written to at every step of every other event, by a search through the whole page."""
    config = build_page(Service(Limits(), ShareStore(str(tmp_path)))).get_config_file()
    places = {event["api_name"]: event["show_progress_on"] for event in config["dependencies"]}
    assert max(len(place) for place in places.values()) == 1
    assert places["opened"] == []  # it may write to every control
    kinds = {component["id"]: component["type"] for component in config["components"]}
    assert kinds[places["wct2"][0]] == "imageslider"
    assert kinds[places["compare"][0]] == "html"
