import unittest

from words import count


class Count(unittest.TestCase):
    def test_words_are_separated_by_any_space(self):
        self.assertEqual(count("one  two\tthree\n"), 3)

    def test_nothing_has_no_words(self):
        self.assertEqual(count(" "), 0)


if __name__ == "__main__":
    unittest.main()
