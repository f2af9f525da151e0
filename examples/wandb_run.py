#!/usr/bin/env python3
"""Makes a Weights & Biases run of a folder that diva_main wrote, from its events.jsonl and recipe.json.

  WANDB_API_KEY=… python3 examples/wandb_run.py --project DiVA_SampleRuns --group CUB_DiVA-R50-512 runs/CUB_DiVA-R50-512_s0

With --offline the run is a folder below ./wandb, which `wandb sync` sends later. Needs the package wandb.
"""

import argparse
import json
import pathlib

import wandb


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--project", default="DiVA_Sample_Runs")
    parser.add_argument("--group")
    parser.add_argument("--offline", action="store_true")
    options = parser.parse_args()
    # The folders of several seeds and folds lie below the one with the recipe.
    recipe = next((place / "recipe.json" for place in (options.folder, *options.folder.parents) if (place / "recipe.json").exists()), None)
    run = wandb.init(
        project=options.project,
        group=options.group,
        name=options.folder.name,
        config=json.loads(recipe.read_text()) if recipe else None,
        mode="offline" if options.offline else "online",
    )
    for line in (options.folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "step":
            values = {"loss": event["loss"], **{f"terms/{name}": value for name, value in event["terms"].items()}}
            values |= {name: event[name] for name in ("epoch", "learning_rate", "images_per_second", "memory")}
            run.log(values, step=event["step"])
        elif event["event"] == "evaluation":
            rows = {f"{metric}/{row['combination']}": value for row in event["rows"] for metric, value in row["metrics"].items()}
            run.log(rows, step=event["step"])
    run.finish()


if __name__ == "__main__":
    main()
