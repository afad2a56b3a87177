{{ photos_of_source('msl') }}
