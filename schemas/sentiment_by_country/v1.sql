-- Sentiment by country over sliding windows; size and slide stand in the contract.
-- The mean is made of whole numbers, each value to twelve digits after the point: a sum of doubles depends on the
-- order of its rows, so that the same messages could give two means that differ in their last digits.
SELECT
  window.start AS window_start,
  window.end AS window_end,
  to_date(window.start) AS window_date,
  country,
  min(latitude) AS latitude,
  min(longitude) AS longitude,
  count_if(sentiment = 'positive') AS positive,
  count_if(sentiment = 'neutral') AS neutral,
  count_if(sentiment = 'negative') AS negative,
  count(1) AS total,
  CAST(sum(CAST(rint(sentiment_value * 1e12) AS BIGINT)) AS DOUBLE) / 1e12 / count(sentiment_value) AS mean_sentiment
FROM app_messages
GROUP BY window(event_time, :window, :slide), country
