"""The one function that SpikingJelly's zoo takes from torchvision: torch's own loader."""

from torch.hub import load_state_dict_from_url

__all__ = ["load_state_dict_from_url"]
