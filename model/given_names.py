"""Given names that tell whether "he" or "she" can be meant: the common ones of English news, no ambiguous ones."""

from __future__ import annotations

from typing import Literal

Gender = Literal["he", "she"]

_HE = frozenset(
    """aaron abdul abdullah abraham adam adel adrian ahmad ahmed alan albert alberto alejandro aleksandr alexander alexei alfred ali
    allen amir anders andre andreas andrei andrew andy anthony antonio antony arnold arthur asif augusto barack barry bashar ben
    benigno benjamin bernard bernie bertrand bill billy bob boris brad bradley brandon brendan brent brett brian bruce bruno bryan
    byron carl carlos cedric charles charlie chuck claude clarence clifford colin corey cory craig curtis dan daniel darrell darren
    dave david dean dennis derek diego dick dimitri dmitry dmitri don donald doug douglas duncan dwight earl ed eddie edgar eduardo
    edward edwin elijah emmanuel enrique eric erik ernesto ethan eugene evan felipe felix fernando floyd francisco francois frank
    franklin fred frederick gabriel garrett gary gavin geoff geoffrey george gerald gerard gerhard gilbert giovanni glenn gordon graham
    greg gregory guillermo gustavo guy hakeem hamid harold harry harvey hassan heinz helmut henry herbert herman hosni howard hugh
    hugo hussein ian ibrahim igor ismail ivan jack jacob jacques jake james jamal jared jason javier jay jean-claude jeff jeffrey
    jeremy jerome jerry jim jimmy joaquin joe joel john johnny jon jonathan jorge jose josef joseph josh joshua juan julian julio
    julius justin kareem karl keith kenneth kevin khalid kirk kurt kyle lamar larry lars lawrence leon leonard leonid liam
    lloyd logan louis luca lucas luigi luis luke mahmoud malcolm manuel marc marcel marco marcus mario mark martin marvin
    matt matthew maurice max michael michel miguel mike mikhail milo mitch mitt mohamed mohammad mohammed muhammad mustafa
    narendra nathan nathaniel neil nelson nicholas nick nicolas nigel noah norman oleg oliver omar oscar otto owen pablo patrick paul
    pedro pete peter phil philip philippe phillip pierre rafael rahul ralph ramon randy raul ray raymond recep reinhold rex ricardo
    richard rick rob robert roberto rodney rodrigo roger roland ron ronald rory ross roy rudolph rudy rupert russell ryan said saleh
    sam samuel scott sean sebastian sergei sergey sergio seth shane shaun sheldon sidney silvio simon stanley stefan stephen steve
    steven stewart stuart ted terence theodore thomas tim timothy toby todd tom tommy tony travis trevor tyler vaclav victor viktor
    vince vincent vladimir volodymyr walter warren wayne wesley wilbur will william xavier yasser yevgeny yitzhak yusuf zachary""".split()
)
_SHE = frozenset(
    """abigail ada adriana agnes aisha alejandra alexandra alexandria alice alicia alison allison alyssa amanda amber amelia amina
    amy ana anastasia angela angelina anita ann anna anne annette annie antonia april arlene audrey barbara beatrice
    benazir bernadette beth betsy betty beverly bonnie brenda bridget brittany camilla candace cara carla carly carmen carol caroline
    carolyn carrie catherine cathy cecilia celia charlotte chelsea cheryl chloe christina christine cindy claire clara claudia colleen
    condoleezza connie constance cristina cynthia daisy daniela danielle deborah debbie debra denise diana diane dianne dolores
    donna doris dorothy edith edna eileen elaine eleanor elena eliza elizabeth ellen eloise elsa emily emma erica erin
    ernestine esther eva evelyn faith fatima felicia fiona florence frances gabriela gabrielle gail geraldine gina gladys glenda gloria
    grace greta gretchen hannah harriet heather heidi helen helena helene hillary hilary holly hope ida ilhan ilse imelda inga ingrid irene
    irina iris isabel isabella ivanka jacinda jacqueline jana jane janet janice jeanne jenna jennifer jenny jessica jill joan joanna
    joanne josephine joyce juanita judith judy julia juliana julie june kamala karen karin karla kate katharine katherine kathleen kathryn
    kathy katie katrina kay kayla kaylee keisha kellyanne kimberly kirsten kirstjen kristen kristin kristina latoya laura lauren leah
    leila lena leticia lillian lily linda lisa liz lois lori lorraine louise lucia lucy lydia lynn lynne mabel madeleine madison maggie
    malala malia marcia margaret margarita margot maria marian marianne marie marilyn marina marine marisa marissa marjorie martha
    mary maryam maureen maxine maya megan meghan melania melanie melinda melissa mercedes michele michelle mildred mindy miriam molly monica
    muriel nadia nancy naomi natalia natalie natasha nellie nicole nikki nina nora norah norma octavia olga olivia olympia opal oprah
    pamela patricia patsy patti paula pauline peggy penelope penny phyllis priscilla rachel ramona rania rashida rebecca regina renee
    rhonda rita roberta rosa rosalind rose rosemary roxanne ruby ruth sabrina sally samantha sandra sara sarah selena serena sharon sheila
    shelly sherry shirley silvia simone sofia sonia sonya sophia sophie stacey stella stephanie sue susan susanna susie suzanne svetlana
    sylvia tabitha tamara tammy tanya tara tatiana teresa tessa thelma theresa tiffany tina tricia tulsi ursula valerie vanessa vera
    veronica victoria violet virginia vivian wanda wendy whitney wilhelmina yolanda yulia yvonne zoe zainab""".split()
)
_FORMS: dict[Gender, frozenset[str]] = {
    "he": frozenset("mr sir lord king prince congressman councilman spokesman chairman father".split()),
    "she": frozenset(
        "mrs ms miss dame lady baroness queen princess congresswoman councilwoman spokeswoman chairwoman actress sister".split()
    ),
}


def gender_of_given(word: str) -> Gender | None:
    """By a given name: "he" for Karl, "she" for Ilse, None for Robin and all that are not listed."""
    word = word.casefold()
    return "he" if word in _HE else "she" if word in _SHE else None


def gender_of_title(word: str) -> Gender | None:
    """By what stands before a name: "she" for "Ms.", None for "Sen."."""
    word = word.casefold().strip(".")
    return next((gender for gender, forms in _FORMS.items() if word in forms), None)
