"""Get published weights, convert them, and publish weights and the demo on the Hugging Face Hub.

``style-core weights get METHOD`` gets and converts in one step; this is for files of your own.

    python hub_upload.py fetch-originals wct2 -o originals
    python hub_upload.py convert wct2 originals/*.pth -o weights/vgg19
    python hub_upload.py convert imagenet model.safetensors -o weights/vgg19
    python hub_upload.py publish weights --repo USER/NAME --dry-run
    python hub_upload.py space --repo USER/NAME --dry-run

``convert`` takes the released files of wct2, photo_wct, wct and wct_16x (the last into a folder of its
own), and VGG-19 itself for Gatys and Deep Photo: ``imagenet`` (torchvision, timm) or ``caffe``. The order
and the names of the checkpoints do not matter: what a file holds is recognized from its tensors. Several
methods can share one folder where their encoders are the same. The folder can then be named as
``--weights-dir`` (or ``STYLE_CORE_WEIGHTS``), or published and named as ``STYLE_CORE_REPO``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from style_core.errors import StyleCoreError
from style_core.publishing.checkpoints import PUBLISHED
from style_core.publishing.conversion import convert
from style_core.publishing.originals import HOST, ORIGINALS, fetch_originals
from style_core.publishing.repository import Publication, carry_out, plan_space, plan_weights


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = _parser().parse_args(arguments)
    try:
        if args.command == "convert":
            for path in convert(args.method, args.checkpoints, args.output):
                print(path)
        elif args.command == "fetch-originals":
            for path in fetch_originals(args.method, args.output, _say, host=args.host):
                print(path)
        elif args.command == "publish":
            _publish(plan_weights(args.folder, args.repo, private=args.private), is_dry=args.dry_run)
        else:
            _publish(plan_space(args.repo, private=args.private), is_dry=args.dry_run)
    except StyleCoreError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = getattr(args, "output", None) or getattr(args, "folder", "the disk")
        print(f"Refused: cannot write to {place}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _publish(plan: Publication, *, is_dry: bool) -> None:
    print(plan)
    if is_dry:
        for name, text in plan.texts.items():
            print(f"\n--- {name}\n{text}")
        print("Nothing was sent.")
        return
    address = carry_out(plan)
    print(address or "The repository has all of this already; nothing was committed.")


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python hub_upload.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("convert", help="released checkpoints to our files")
    command.add_argument("method", choices=sorted(PUBLISHED))
    command.add_argument("checkpoints", nargs="+", type=Path)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    command = commands.add_parser("fetch-originals", help="the papers' own files, verified")
    command.add_argument("method", choices=sorted(ORIGINALS))
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    command.add_argument("--host", default=HOST, help="a mirror with the same addresses")
    command = commands.add_parser("publish", help="a folder of weights to a model repository")
    command.add_argument("folder", type=Path)
    space = commands.add_parser("space", help="the demo to a Gradio Space")
    for sending in (command, space):
        sending.add_argument("--repo", required=True, metavar="USER/NAME")
        sending.add_argument("--private", action="store_true", help="only you can see it")
        sending.add_argument("--dry-run", action="store_true", help="show everything, send nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
