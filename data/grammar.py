"""What the synthesizer is given to say: digit strings, and orders at a coffee bar.

The grammar of orders is read off the training sentences of the `commands` set (55 words); tests
hold it against them.
"""

import re

import numpy as np

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

CARRIERS = (
  "can i get",
  "can i have",
  "may i have",
  "i want",
  "i'd like",
  "get me",
  "give me",
  "make me",
  "brew",
)
SIZES = (
  "small",
  "medium",
  "large",
  "eight ounce",
  "twelve ounce",
  "sixteen ounce",
  "twenty ounce",
)
SHOTS = ("single shot", "double shot", "triple shot")
ROASTS = ("light roast", "medium roast", "dark roast")
DRINKS = (
  "americano",
  "cappuccino",
  "coffee",
  "drip coffee",
  "espresso",
  "house coffee",
  "iced coffee",
  "iced mocha",
  "latte",
  "mocha",
)
AMOUNTS = ("a bit of", "a little bit of", "a lot of", "lots of", "some")
MILKS = ("almond milk", "cream", "milk", "skim milk", "soy milk", "whole milk")
SWEETS = ("brown sugar", "sugar", "sweetener")


def digit_string(rng: np.random.Generator, most: int = 8) -> str:
  """1 to `most` digits, as words."""
  return " ".join(rng.choice(DIGITS, rng.integers(1, most + 1)))


def order(rng: np.random.Generator) -> str:
  """carrier a|an {size} {shots} {roast} drink {with addition {and addition}}; {..} may be left out.

  Size, shots and roast come in any order; of two additions one is milk and one is sweet.
  """
  wishes = [rng.choice(kind) for kind in (SIZES, SHOTS, ROASTS) if rng.random() < 0.5]
  drink = " ".join([*rng.permutation(wishes), rng.choice(DRINKS)])
  words = f"{rng.choice(CARRIERS)} {'an' if drink[0] in 'aei' else 'a'} {drink}"
  number = rng.choice(3, p=(0.25, 0.5, 0.25))
  kinds = [(MILKS, SWEETS)[kind] for kind in rng.permutation(2)[:number]]
  additions = [_addition(kind, rng) for kind in kinds]
  return words + (f" with {' and '.join(additions)}" if additions else "")


def _addition(kind: tuple[str, ...], rng: np.random.Generator) -> str:
  amount = f"{rng.choice(AMOUNTS)} " if rng.random() < 0.5 else ""
  return amount + str(rng.choice(kind))


def is_order(text: str) -> bool:
  """Whether `order` can say it."""
  return _ORDER.fullmatch(text) is not None


def vocabulary() -> set[str]:
  """Every word of the orders."""
  phrases = CARRIERS + SIZES + SHOTS + ROASTS + DRINKS + AMOUNTS + MILKS + SWEETS
  return set(" ".join((*phrases, "a an with and")).split())


def _any(*kinds: tuple[str, ...]) -> str:
  return "(?:" + "|".join(re.escape(phrase) for kind in kinds for phrase in kind) + ")"


_ORDER = re.compile(
  f"{_any(CARRIERS)} an?(?: (?:{_any(SIZES)}|{_any(SHOTS)}|{_any(ROASTS)})){{0,3}} {_any(DRINKS)}"
  f"(?: with (?:{_any(AMOUNTS)} )?{_any(MILKS, SWEETS)}"
  f"(?: and (?:{_any(AMOUNTS)} )?{_any(MILKS, SWEETS)})?)?"
)
