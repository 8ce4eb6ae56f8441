# Made mixed_logistic_lme4.csv from mixed_logistic_cases.csv (invented cases): R 4.2.2, lme4 1.1-31.
suppressMessages(library(lme4))
d <- read.csv("mixed_logistic_cases.csv")
m <- glmer(y ~ age + stage + (1 | hospital), data = d, family = binomial, nAGQ = 20,
           control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6),
                                  tolPwrss = 1e-12))
plain <- glm(y ~ age + stage, data = d, family = binomial,
             control = list(epsilon = 1e-14, maxit = 100))
re <- ranef(m, condVar = TRUE)$hospital
rows <- rbind(
  data.frame(model = "mixed", term = names(fixef(m)), estimate = fixef(m),
             se = sqrt(diag(as.matrix(vcov(m))))),
  data.frame(model = "mixed", term = "sd", estimate = sqrt(unlist(VarCorr(m))), se = NA),
  data.frame(model = "mixed", term = "loglik", estimate = as.numeric(logLik(m)), se = NA),
  data.frame(model = "effect", term = rownames(re), estimate = re[, 1],
             se = sqrt(attr(re, "postVar")[1, 1, ])),
  data.frame(model = "plain", term = names(coef(plain)), estimate = coef(plain),
             se = sqrt(diag(vcov(plain)))),
  data.frame(model = "plain", term = "loglik", estimate = as.numeric(logLik(plain)), se = NA))
rows$estimate <- sprintf("%.10g", rows$estimate); rows$se <- sprintf("%.8g", rows$se)
write.csv(rows, "mixed_logistic_lme4.csv", row.names = FALSE, quote = FALSE)
