# Results of R's survey package for sample.csv: a stratified sample of 900 invented cases,
# 60, 40 and 25 of three countries, and the post-strata of sex.csv. Run in this folder:
#   Rscript survey.R
suppressMessages(library(survey))
d <- read.csv("sample.csv")
sex <- read.csv("sex.csv")
plain <- svydesign(ids = ~1, strata = ~stratum, fpc = ~population, data = d)
post <- postStratify(plain, ~sex, data.frame(sex = sex$sex, Freq = sex$population))
rows <- data.frame()
add <- function(design, measure, part, variable, value, found, se) {
  rows <<- rbind(rows, data.frame(
    design = design, measure = measure, part = part, variable = variable, value = value,
    estimate = format(as.numeric(found), digits = 16), se = format(as.numeric(se), digits = 16)
  ))
}
for (name in c("plain", "post")) {
  design <- get(name)
  for (variable in c("free", "days")) {
    formula <- as.formula(paste0("~", variable))
    m <- svymean(formula, design)
    t <- svytotal(formula, design)
    add(name, "mean", "all", variable, "", coef(m), SE(m))
    add(name, "total", "all", variable, "", coef(t), SE(t))
    for (s in c("female", "male")) {
      own <- svymean(formula, subset(design, sex == s))
      add(name, "mean", s, variable, "", coef(own), SE(own))
    }
  }
  q <- svyquantile(~days, design, c(.25, .5, .75, .9), ci = FALSE)$days
  for (p in colnames(q)) add(name, "quantile", "all", "days", p, q[1, p], NA)
}
ci <- confint(svymean(~days, plain), df = degf(plain))
add("plain", "lower", "all", "days", "", ci[1, 1], NA)
add("plain", "upper", "all", "days", "", ci[1, 2], NA)
write.csv(rows, "survey.csv", row.names = FALSE, quote = FALSE, na = "")
cat(R.version.string, "survey", as.character(packageVersion("survey")), "\n")
