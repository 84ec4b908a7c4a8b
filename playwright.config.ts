// So that `npx playwright test` works at the top of the checkout, too.

export { default } from "./end2end/playwright.config";
