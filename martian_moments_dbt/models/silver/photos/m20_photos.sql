{{ photos_of_source('m20') }}
