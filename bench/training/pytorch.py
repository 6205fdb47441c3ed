"""A workload of peer/workloads.mjs in PyTorch: a peer to measure against, never a dependency (Debian: python3-torch).
Usage: python3 bench/training/pytorch.py GRAPH.json [threads=2] [steps=40] [channels_last|contiguous]"""
import json, resource, statistics, sys, time
import torch
from torch import nn
import torch.nn.functional as F

with open(sys.argv[1]) as file:
    work = json.load(file)
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 40
layout = sys.argv[4] if len(sys.argv) > 4 else "channels_last"
torch.set_num_threads(threads)
torch.manual_seed(1)
BATCH = work["batch"]


def module_of(node):
    """The module of a node that has parameters or works in place; None for those that are functions."""
    op, a = node["op"], node["attributes"]
    shape = work["shapes"][node["inputs"][0]] if node["inputs"] else None
    if op == "conv2d":
        p = a["padding"]
        assert p["top"] == p["bottom"] and p["left"] == p["right"] and a["activation"] == "none"
        padding = (p["top"], p["left"])
        return nn.Conv2d(shape[3], a["filters"], a["kernel"], a["stride"], padding, groups=a["groups"], bias=a["bias"])
    if op == "batchNorm":
        return nn.BatchNorm2d(shape[-1], eps=a["epsilon"])
    if op == "dense":
        return nn.Linear(shape[1], work["shapes"][node["name"]][1])
    if op == "hardswish":
        return nn.Hardswish(inplace=True)
    if op == "dropout":
        return nn.Dropout2d(a["rate"]) if a["spatial"] else nn.Dropout(a["rate"])
    return None


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        modules = [module_of(node) for node in work["nodes"]]
        self.parts = nn.ModuleList([module for module in modules if module is not None])
        self.calls = list(zip(work["nodes"], modules))

    def forward(self, image):
        values = {}
        for node, module in self.calls:
            x = [values[name] for name in node["inputs"]]
            op = node["op"]
            if op == "input": y = image
            elif module is not None: y = module(x[0])
            elif op == "pad":
                p = node["attributes"]["padding"]
                y = F.pad(x[0], (p["left"], p["right"], p["top"], p["bottom"]))
            elif op == "relu6": y = F.relu6(x[0])
            elif op == "sigmoid": y = torch.sigmoid(x[0])
            elif op == "multiply": y = x[0] * x[1]
            elif op == "add": y = x[0] + x[1]
            elif op == "globalAveragePool": y = F.adaptive_avg_pool2d(x[0], 1)
            elif op == "flatten": y = torch.flatten(x[0], 1)
            else: raise ValueError(op)
            values[node["name"]] = y
        return values[work["outputs"][0]]


net = Net()
height, width = work["shapes"][work["nodes"][0]["name"]][1:3]
x, y = torch.randn(BATCH, 3, height, width), torch.randint(0, 10, (BATCH,))
if layout == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
if work["optimizer"] == "sgd":
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
else:
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.001)
    weighting = torch.randn_like(net(x).detach()) / 1000
    loss_of = lambda output, _: (output * weighting).sum()
times = {"forward": [], "step": []}
for step in range(steps):
    if step == 3: cpu = time.process_time()
    start = time.perf_counter()
    optimizer.zero_grad()
    loss = loss_of(net(x), y)
    times["forward"].append((time.perf_counter() - start) * 1000)
    loss.backward()
    optimizer.step()
    times["step"].append((time.perf_counter() - start) * 1000)
cpu = (time.process_time() - cpu) * 1000 / (steps - 3)
summary = {k: {"minimumMs": min(v), "medianMs": statistics.median(v)} for k, v in times.items()}
print(json.dumps({
    "torch": torch.__version__, "layout": layout, "threads": threads, "batch": BATCH,
    "parameters": sum(p.numel() for p in net.parameters()), **summary, "cpuMs": cpu,
    "imagesPerSecond": {"best": BATCH / summary["step"]["minimumMs"] * 1000, "median": BATCH / summary["step"]["medianMs"] * 1000},
    "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
