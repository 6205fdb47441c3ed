"""The workload of step.mjs in PyTorch: a peer to measure against, never a dependency (Debian: apt-get install python3-torch).
Usage: python3 bench/training/pytorch.py [threads=2] [steps=40] [channels_last|contiguous]"""
import json, resource, statistics, sys, time
import torch
from torch import nn

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 40
layout = sys.argv[3] if len(sys.argv) > 3 else "channels_last"
torch.set_num_threads(threads)
torch.manual_seed(1)
BATCH = 32


def norm(c, act=True):
    return [nn.BatchNorm2d(c)] + ([nn.Hardswish(inplace=True)] if act else [])


class Block(nn.Module):
    def __init__(self, ci, co, stride):
        super().__init__()
        h = ci * 6
        self.skip = stride == 1 and ci == co
        self.body = nn.Sequential(
            nn.Conv2d(ci, h, 1, bias=False), *norm(h),
            nn.Conv2d(h, h, 3, stride, 1, groups=h, bias=False), *norm(h),
            nn.Conv2d(h, co, 1, bias=False), *norm(co, False))

    def forward(self, x):
        return x + self.body(x) if self.skip else self.body(x)


layers = [nn.Conv2d(3, 3, 3, 2, 1, groups=3, bias=False), nn.Conv2d(3, 16, 1, bias=False), *norm(16)]
ci = 16
for co, s in zip([8, 8, 8, 16, 16, 32, 32], [1, 2, 1, 2, 2, 1, 2]):
    layers.append(Block(ci, co, s))
    ci = co
net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(ci, 10))
x, y = torch.randn(BATCH, 3, 96, 96), torch.randint(0, 10, (BATCH,))
if layout == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
loss_of = nn.CrossEntropyLoss()
times = {"forward": [], "step": []}
for _ in range(steps):
    start = time.perf_counter()
    optimizer.zero_grad()
    output = net(x)
    times["forward"].append((time.perf_counter() - start) * 1000)
    loss = loss_of(output, y)
    loss.backward()
    optimizer.step()
    times["step"].append((time.perf_counter() - start) * 1000)
summary = {k: {"minimumMs": min(v), "medianMs": statistics.median(v)} for k, v in times.items()}
print(json.dumps({
    "torch": torch.__version__, "layout": layout, "threads": threads, "batch": BATCH,
    "parameters": sum(p.numel() for p in net.parameters()), **summary,
    "imagesPerSecond": {"best": BATCH / summary["step"]["minimumMs"] * 1000, "median": BATCH / summary["step"]["medianMs"] * 1000},
    "peakMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
