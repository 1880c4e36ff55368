SELECT COUNT(*) AS n -- of "people"
FROM people /* all */ WHERE sex <> 'é'