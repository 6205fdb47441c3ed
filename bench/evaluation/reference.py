"""Runs one reference tool on a job, once for every line read from standard input, and answers with its milliseconds.

Called by against.mjs as: python3 reference.py TOOL JOB.json, the tools' folders on PYTHONPATH. An answer is one line of
JSON: {"readMs", "scoreMs", ...figures that tell whether both did the same}. What the tools print goes to standard error.
"""

import json
import os
import sys
import tempfile
import time
import types

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
tool, job_file = sys.argv[1:3]
with open(job_file) as file:
    job = json.load(file)

import numpy as np

# Names that NumPy took away after these tools were written.
for name, kind in (("float", float), ("int", int), ("bool", bool)):
    setattr(np, name, kind)


def coco(COCO, COCOeval):
    def run():
        start = time.perf_counter()
        truth = COCO(job["gt"])
        found = truth.loadRes(job["dt"])
        read = time.perf_counter()
        scorer = COCOeval(truth, found, "bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
        end = time.perf_counter()
        return {"readMs": 1000 * (read - start), "scoreMs": 1000 * (end - read), "AP": float(scorer.stats[0])}

    return run


def pycocotools():
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return coco(COCO, COCOeval)


def faster_coco_eval():
    import faster_coco_eval

    return coco(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster)


def trackeval():
    import trackeval as tool

    out = tempfile.mkdtemp()

    def run():
        start = time.perf_counter()
        evaluator = tool.Evaluator(
            {
                **tool.Evaluator.get_default_eval_config(),
                "PRINT_CONFIG": False,
                "PRINT_RESULTS": False,
                "TIME_PROGRESS": False,
                "PLOT_CURVES": False,
                "OUTPUT_SUMMARY": False,
                "OUTPUT_DETAILED": False,
                "OUTPUT_EMPTY_CLASSES": False,
                "LOG_ON_ERROR": os.path.join(out, "errors.txt"),
            }
        )
        dataset = tool.datasets.MotChallenge2DBox(
            {
                **tool.datasets.MotChallenge2DBox.get_default_dataset_config(),
                "GT_FOLDER": job["gt"],
                "TRACKERS_FOLDER": job["trackers"],
                "TRACKERS_TO_EVAL": [job["tracker"]],
                "TRACKER_SUB_FOLDER": "",
                "OUTPUT_FOLDER": out,
                "SEQ_INFO": {name: None for name in job["sequences"]},
                "SKIP_SPLIT_FOL": True,
                "PRINT_CONFIG": False,
            }
        )
        quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
        metrics = [tool.metrics.HOTA(), tool.metrics.CLEAR(quiet), tool.metrics.Identity(quiet)]
        results, _ = evaluator.evaluate([dataset], metrics)
        end = time.perf_counter()
        combined = results["MotChallenge2DBox"][job["tracker"]]["COMBINED_SEQ"]["pedestrian"]
        return {
            "scoreMs": 1000 * (end - start),
            "MOTA": float(combined["CLEAR"]["MOTA"]),
            "HOTA": float(np.mean(combined["HOTA"]["HOTA"])),
        }

    return run


def sort():
    # Only drawing needs them.
    skimage = types.ModuleType("skimage")
    skimage.io = None
    sys.modules["skimage"] = skimage
    import matplotlib

    matplotlib.use = lambda backend: None
    import sort as tool

    def run():
        boxes = frames = 0
        seconds = 0.0
        for file in job["detections"]:
            rows = np.loadtxt(file, delimiter=",")
            by_frame = []
            for frame in range(1, int(rows[:, 0].max()) + 1):
                dets = rows[rows[:, 0] == frame, 2:7]
                dets[:, 2:4] += dets[:, 0:2]
                by_frame.append(dets)
            tracker = tool.Sort()
            start = time.perf_counter()
            for dets in by_frame:
                boxes += len(tracker.update(dets))
            seconds += time.perf_counter() - start
            frames += len(by_frame)
        return {"scoreMs": 1000 * seconds, "frames": frames, "boxes": boxes}

    return run


run = {"pycocotools": pycocotools, "faster-coco-eval": faster_coco_eval, "trackeval": trackeval, "sort": sort}[tool]()
for _ in sys.stdin:
    print(json.dumps(run()), file=answers)
