"""What SpikingJelly's modules import from torchvision; the real one does not load beside our torch.

Model code imports names only. Nothing here computes anything.
"""
