"""Typed parameters of the report: the study's words and what it singles out."""

from pydantic import BaseModel, ConfigDict, Field


class ReportParameters(BaseModel):
    """What differs between the reports of two image studies.

    Attributes
    ----------
    title
        Heading of the report.
    command
        The command that repeats the run.
    data_notice
        First line of the report, or nothing; it says so where the data is synthetic.
    images
        What the images show, in the plural: digits.
    model_in_words
        What the strong model is, as the subject of a sentence.
    highlighted_note
        Why the highlighted experiments are singled out, in one sentence.
    regime
        The regime whose highlighted experiments are shown class by class.
    samples_of_each_class
        Images of each class on the page of samples.
    random_test_images
        Test images drawn at random and shown with their predictions.
    most_confidently_wrong
        Wrongly named test images shown, the most confident first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    command: str
    data_notice: str = ""
    images: str = "images"
    model_in_words: str = "The strong model"
    highlighted_note: str = ""
    regime: str = "mini_batch"
    samples_of_each_class: int = Field(default=8, ge=1)
    random_test_images: int = Field(default=7, ge=1)
    most_confidently_wrong: int = Field(default=30, ge=1)
