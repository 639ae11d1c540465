/**
 * Names the cookie that holds the session's token, where it is not a bearer token; before there is a session it says
 * {@link COOKIE_WANTED}. A cookie counts only for requests that name it, which no page of another origin can make.
 */
export const SESSION_HEADER = 'strongroom-session'

/** Asks for a session in a cookie. */
export const COOKIE_WANTED = 'cookie'
