{{ photos_of_source('pds') }}
