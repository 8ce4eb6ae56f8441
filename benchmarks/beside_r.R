# relsurv and popEpi on the rows of a CSV file; prints one line of JSON.
# Rscript beside_r.R CASES PROGRAM, where PROGRAM is relsurv, popEpi, or rsadd: relsurv's Poisson
# model of excess hazard, whose "five" is the coefficient of age.
arguments <- commandArgs(trailingOnly = TRUE)
suppressMessages({
  library(survival)
  library(relsurv)
})
data(slopop)
cases <- read.csv(arguments[1])
cases$diag <- as.Date(cases$diag)
if (arguments[2] == "relsurv") {
  seconds <- system.time(
    fit <- rs.surv(Surv(time, stat) ~ 1, data = cases, ratetable = slopop,
                   rmap = list(age = age, sex = sex, year = diag), method = "pohar-perme")
  )[["elapsed"]]
  five <- summary(fit, times = 1826)$surv
  version <- as.character(packageVersion("relsurv"))
} else if (arguments[2] == "rsadd") {
  cases$older <- as.integer(cases$age >= 70 * 365.241)
  seconds <- system.time(
    fit <- rsadd(Surv(time, stat) ~ sex + older + site, data = cases, ratetable = slopop,
                 rmap = list(age = age, sex = sex, year = diag), int = 5, method = "glm.poi")
  )[["elapsed"]]
  five <- fit$coefficients[["older"]]
  version <- as.character(packageVersion("relsurv"))
} else {
  suppressMessages({
    library(Epi)
    library(popEpi)
    library(data.table)
  })
  years <- 365.241
  slovene <- as.data.table(as.data.frame.table(unclass(slopop), responseName = "haz"))
  names(slovene)[1:3] <- c("AGE", "CAL", "SEX")
  slovene[, AGE := as.integer(as.character(AGE))]
  slovene[, CAL := as.integer(as.character(CAL))]
  slovene[, sex := ifelse(SEX == "male", 1L, 2L)]
  slovene[, haz := haz * years]
  whole <- CJ(sex = 1:2, CAL = min(slovene$CAL):max(slovene$CAL), AGE = unique(slovene$AGE))
  whole <- slovene[whole, on = c("sex", "AGE", "CAL"), roll = TRUE][, .(sex, CAL, AGE, haz)]
  seconds <- system.time({
    followed <- Lexis(
      entry = list(FUT = 0, AGE = age / years, CAL = get.yrs(diag)),
      exit = list(FUT = time / years), data = cases[cases$time > 0, ],
      exit.status = factor(stat, levels = 0:1), merge = TRUE
    )
    fit <- survtab(Surv(FUT, lex.Xst) ~ 1, data = followed, pophaz = whole, surv.type = "surv.rel",
                   relsurv.method = "pp", breaks = list(FUT = seq(0, 10, 1 / 12)))
  })[["elapsed"]]
  five <- fit$r.pp[60]
  version <- as.character(packageVersion("popEpi"))
}
cat(sprintf('{"seconds": %.4f, "five_years": %.8f, "version": "%s"}\n', seconds, five, version))
