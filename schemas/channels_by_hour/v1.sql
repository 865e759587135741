-- The ten channels with most messages of each hour. Ties are broken by name, or two runs could choose differently.
SELECT window_start, window_end, window_date, place, channel, messages, countries
FROM (
  SELECT
    window_start,
    window_end,
    to_date(window_start) AS window_date,
    row_number() OVER (PARTITION BY window_start ORDER BY messages DESC, channel) AS place,
    channel,
    messages,
    countries
  FROM (
    SELECT window.start AS window_start, window.end AS window_end, channel, count(1) AS messages,
      count(DISTINCT country) AS countries
    FROM app_messages
    WHERE channel IS NOT NULL
    GROUP BY window(event_time, :window), channel
  )
)
WHERE place <= 10
