"""The papers of a result are cited, each once, and only of methods that there are."""

from demo.citation import bibtex, citation_html, in_words, papers_of
from style_core import get_method, list_methods


def test_a_paper_in_words_and_as_bibtex():
    paper = get_method("gatys").paper
    assert in_words(paper) == (
        "Gatys et al. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016. arXiv:1508.06576"
    )
    assert bibtex(paper) == (
        "@inproceedings{gatys2016,\n"
        "  title = {Image Style Transfer Using Convolutional Neural Networks},\n"
        "  author = {Gatys and others},\n  booktitle = {CVPR},\n  year = {2016},\n"
        "  eprint = {1508.06576},\n  archivePrefix = {arXiv},\n}"
    )


def test_every_method_has_a_key_of_its_own():
    keys = {bibtex(get_method(name).paper).split(",")[0] for name in list_methods()}
    assert len(keys) == len({get_method(name).paper for name in list_methods()})


def test_each_paper_is_cited_once_and_what_is_no_method_not_at_all():
    assert papers_of(["wct2", "wct2", "<b>", None, ["wct"], 7]) == [get_method("wct2").paper]
    assert citation_html(["nothing"], "en") == ""
    assert "<summary>引用论文</summary>" in citation_html(["wct"], "zh-CN")
