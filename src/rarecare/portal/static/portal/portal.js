// What the pages gain from a script: nothing on them needs it.
"use strict";
